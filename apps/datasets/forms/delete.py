from django import forms


class DeleteForm(forms.Form):
    force = forms.BooleanField(required=False, label="Also delete the manifests that use it")
